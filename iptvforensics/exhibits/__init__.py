"""Back to the evidence: frames and bodies."""
