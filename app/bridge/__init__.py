"""The window's ends of worker threads: one main-thread QObject receives everything that another thread says."""
