package cluster

import "syscall"

// bind lets a child get the signal when this process dies, however it dies. The
// child has a session of its own: an interrupt from the terminal is for this
// process alone, which then ends its children in order.
func bind(attr *syscall.SysProcAttr, death syscall.Signal) {
	attr.Setsid = true
	attr.Pdeathsig = death
}
