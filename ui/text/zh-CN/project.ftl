## Projects

project-open = 打开项目
project-new = 新建项目
project-recent = 最近的项目
project-restored = 已从上次自动保存恢复。
project-save-changes = 保存对“{ $name }”的更改吗？
project-dont-save = 不保存
