"""Assembly: the one place where the rooms of the house are joined."""
