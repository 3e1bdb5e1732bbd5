"""What was in force when something was said, and saying it again."""
