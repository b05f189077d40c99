"""What ``make evidence`` measures, a module a section of README."""
