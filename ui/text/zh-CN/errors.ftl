## Errors: what happened, why, what next

errors-approval = 此文件需要授权。
errors-approval-next = 请在其页面接受许可，然后重试。
errors-try-again = 重试
