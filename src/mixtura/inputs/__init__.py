"""What users give for rows: arrays, data frames, their numbers; and what is none, in one sentence."""
