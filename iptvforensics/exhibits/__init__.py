"""Back to the evidence: frames, bodies, digests of what was found, and the check that it can be found again."""
