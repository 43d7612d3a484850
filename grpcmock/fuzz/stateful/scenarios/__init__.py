"""What goes wrong with resources again and again."""
