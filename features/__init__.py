"""From a loan book to point-in-time features of every borrower: value, need, behaviour and risk."""
