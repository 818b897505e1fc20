"""Evidence file to blocks of whole records."""
