"""Looking into a run: step by step, watched, timed, and at its memory."""
