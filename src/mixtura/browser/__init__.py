"""A fit as one file for the browser: `report` of an estimator."""
