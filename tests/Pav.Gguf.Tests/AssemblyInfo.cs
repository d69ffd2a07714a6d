// Two models at once on few cores only wait for one another; and one test names the packages' folder in the environment.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
