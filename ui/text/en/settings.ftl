## Settings

settings-title = Settings
settings-appearance = Appearance
settings-theme = Theme
settings-theme-system = System
settings-theme-dark = Dark
settings-theme-light = Light
settings-language = Language
settings-text-size = Text size
settings-reduce-motion = Reduce motion
settings-device = Device
settings-graphics = Graphics
settings-processor = Processor
settings-cache = Cache
settings-cache-limit = Limit
settings-clear-cache = Clear the cache
settings-keys = Keys
