"""What an operator receives about a finding."""
