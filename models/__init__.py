"""From features and labels to a relationship type per borrower, with probabilities and reasons."""
