"""Reference shops to compare with: the contract as users of other frameworks would write it."""
