def mutation(source, name):
    raise LookupError(name)
