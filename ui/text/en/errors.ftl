## Errors: what happened, why, what next

errors-memory = Not enough graphics memory: needs { $needed }, { $free } are free.
errors-memory-next = Use { $size } px, or the processor.
errors-approval = This file needs approval.
errors-approval-next = Accept the licence on its page, then try again.
errors-not-a-picture = This file is not a picture that can be read.
errors-try-again = Try again
