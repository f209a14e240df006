"""What the commands of ``pentad`` do; each imports the libraries it needs when it runs."""
