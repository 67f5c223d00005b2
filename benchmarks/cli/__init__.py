"""What does a user type? One file a verb."""
