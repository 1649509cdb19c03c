"""An ECS that works: services start tasks, tasks fail for reasons, hosts boot and vanish, deployments roll back.

moto keeps what was asked for and answers at once that it is so. What an operator waits for, watches and mends lies in
between, so that part is ours. It is plain data and a simulation over it (:mod:`world`), which knows nothing of moto:
what it needs of the rest of AWS it asks of :class:`surroundings.Surroundings`.

Nothing runs in the background. Every request first brings the world up to its own time: what was due in between
happens in order, however late anybody looks.
"""
