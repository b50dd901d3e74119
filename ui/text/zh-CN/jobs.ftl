## Jobs

jobs-reading = 正在提取特征
jobs-reading-of = 正在提取特征，{ $done } / { $total }
jobs-progress = { $done } / { $total }
jobs-left = 约剩 { $time }
jobs-pause = 暂停
jobs-resume = 继续
jobs-cancel = 取消
jobs-more = 显示全部任务
jobs-less = 只显示一个任务
jobs-done = 完成
jobs-failed = 失败
jobs-cancelled = 已取消
