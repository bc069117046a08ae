"""What users import: the scikit-learn contract."""
