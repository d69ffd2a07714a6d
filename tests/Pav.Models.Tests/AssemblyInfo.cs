// One test at a time: libtorch uses all cores by itself, and live tensors are counted in the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
