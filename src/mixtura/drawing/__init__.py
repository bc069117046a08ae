"""What pictures show, whoever draws them: which rows and features, curves, colours."""
