//go:build !linux

package cluster

import "syscall"

// bind gives a child a session of its own: an interrupt from the terminal is for
// this process alone, which then ends its children in order. Only Linux can end
// them when this process is killed.
func bind(attr *syscall.SysProcAttr, _ syscall.Signal) { attr.Setsid = true }
