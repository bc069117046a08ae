"""Files that are written whole and read so that no damage gets further."""
