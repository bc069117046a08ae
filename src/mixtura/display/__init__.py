"""How results show themselves: as text, as HTML, as a data frame."""
