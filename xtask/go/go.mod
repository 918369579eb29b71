// Marks the module's root, no more: VERSION.mod and VERSION.sum pin what a build takes, and
// `cargo xtask setup` names them with -modfile. To add a release, copy a pair, change the two
// versions of etcd in it, and run `go mod tidy -modfile=VERSION.mod`.
module etcd-members
