## Library of pictures

library-pictures = 图片
library-open = 打开图片
library-open-folder = 打开文件夹
library-options = 排序与筛选
library-search = 名称、文件夹或标签
library-samples = 示例
library-empty = 还没有图片。请打开，或拖放到这里。
library-find-file = 查找…
library-remove = 从图库移除
library-show-in-folder = 在文件夹中显示
library-progress = { $done } / { $total }

library-folder-added = { $name }：{ $count } 张图片
library-folder-empty = { $name } 中没有图片。
library-folder-troubles = { $name }：{ $count } 张图片，{ $unreadable } 个文件无法读取
library-picture-kind = 图片
