## Errors: what happened, why, what next

errors-approval = This file needs approval.
errors-approval-next = Accept the licence on its page, then try again.
errors-try-again = Try again
