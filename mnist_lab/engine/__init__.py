"""The engine process, which assigns runs and questions to worker processes, and the supervisor that keeps it alive."""
