"""How much of the contract has a run exercised, and what never went well?"""
