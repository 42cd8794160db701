package cluster

// links are the addresses at which a process finds what is not chancery.
type links struct {
	nats     []string
	postgres string
}

// linksOf are the addresses for a process: the servers' own, unless something is
// to stand between.
func (c *Cluster) linksOf(process string) links {
	between := c.o.Between
	if between == nil {
		between = func(_, _, address string) string { return address }
	}
	l := links{postgres: between(process, c.Postgres.Name, c.Postgres.address)}
	for _, n := range c.NATS {
		l.nats = append(l.nats, between(process, n.Name, n.Client))
	}
	return l
}
