// Package create plans new VMs and makes them.
//
// A plan is what a spec becomes on one host: everything that was left out is
// chosen, from what libosinfo's database says of the operating system and from
// what the host has, and everything that will not work is said. Planning reads
// and changes nothing.
//
// To make a VM is to carry out a plan: volumes first, then what goes into them,
// then the definition, then the start. Each step notes how it is undone, and a
// step that fails, or a job that is cancelled, undoes what came before.
package create
