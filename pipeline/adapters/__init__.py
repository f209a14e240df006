"""Other people's files become a loan book: one module per source, each printing what it kept and left out."""
