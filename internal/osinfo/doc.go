// Package osinfo asks libosinfo's database, as its package osinfo-db installs
// it, which operating system a medium has and what that system wants.
//
// The database is read from its files, in the order and with the meaning that
// its own format gives them, and nothing of it is kept in memory: it has
// thousands of records, and the service asks for one now and then. A database
// that is not installed knows no system, which is no error.
package osinfo
