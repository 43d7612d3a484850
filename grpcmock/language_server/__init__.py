"""What editors ask while stubs are written: completions, explanations, places, problems."""
