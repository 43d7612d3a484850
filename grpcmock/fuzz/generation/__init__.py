"""How are messages made of decisions: fast from a seed, or by Hypothesis, which makes what fails small again?"""
