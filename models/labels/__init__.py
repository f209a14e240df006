"""The label desk: what several analysts said, how far they agree, what to believe, what to doubt, whom to ask next."""
