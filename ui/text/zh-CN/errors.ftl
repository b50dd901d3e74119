## Errors: what happened, why, what next

errors-memory = 显存不足：需要 { $needed }，可用 { $free }。
errors-memory-next = 请改用 { $size } px 或处理器。
errors-approval = 此文件需要授权。
errors-approval-next = 请在其页面接受许可，然后重试。
errors-not-a-picture = 无法将此文件读取为图片。
errors-try-again = 重试
