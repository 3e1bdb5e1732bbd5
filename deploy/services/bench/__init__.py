"""What ``vigil bench`` measures."""
