"""Messages to viewing sessions."""
