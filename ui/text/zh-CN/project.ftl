## Projects

project-open = 打开项目
project-new = 新建项目
project-recent = 最近的项目
project-restored = 已从上次自动保存恢复。
project-save-changes = 保存对“{ $name }”的更改吗？
project-dont-save = 不保存

project-file-kind = Dinoscope 项目
project-link-bad = 此链接没有指向 Dinoscope 可打开的内容。
project-link-long = 此链接过长，无法打开。
project-missing-count = { $count } 张图片不在原来的位置。
project-newer = 此项目由版本 { $version } 保存。在此保存会丢失只有该版本认识的内容。
project-relinked = 找到 { $wanted } 中的 { $found }。
project-save-cancelled = 未保存：保存已停止，旧文件完好。
project-save-failed = 未保存，旧文件完好：{ $reason }
project-save-title = 保存项目
project-saved = 已保存
project-unsaved-first = 请先保存或放弃当前项目。
