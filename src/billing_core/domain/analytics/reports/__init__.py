"""Reports: what finance asks for, each a pure function of sums of the journal."""
