"""What people said of alarms and beats, turned into labels with a stated trust."""
