"""What a network can do without: searches that train the golden model again and again."""
