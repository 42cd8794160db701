// Package cert makes certificates for development.
package cert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/mtls"
)

// Commands are "chancery cert …".
type Commands struct {
	Dev certDev `cmd:"" help:"For development: make an authority, and certificates for the processes of a cluster. Production has an authority of its own."`
}

// certDev is "chancery cert dev". It keeps the authority of an earlier run, so
// that what that one has issued stays good.
type certDev struct {
	Names    []string      `arg:"" optional:"" name:"name" sep:"none" help:"Role or other name that a certificate is for; several with commas between are one certificate. Default: every role, admin and nats."`
	Out      string        `help:"Folder of the files: ca.crt, ca.key, and NAME.crt and NAME.key for each." required:"" type:"path" placeholder:"DIR"`
	Domain   string        `help:"Domain of the names." default:"chancery.internal"`
	Hosts    []string      `help:"Further host name or address that the certificates are good for; may be repeated. Default: localhost, 127.0.0.1 and ::1." name:"host" sep:"none" placeholder:"HOST"`
	Lifetime time.Duration `help:"How long the certificates are good for." default:"720h"`
	JSON     bool          `help:"Print JSON." name:"json"`
}

// authorityLifetime is how long a development authority lasts.
const authorityLifetime = 10 * 365 * 24 * time.Hour

// issued is one certificate that the command has made or kept.
type issued struct {
	Names       []string  `json:"names"`
	Certificate string    `json:"certificate"`
	Key         string    `json:"key"`
	ExpireTime  time.Time `json:"expire_time"`
	// Kept says that the files were there already: the authority's, if it is good.
	Kept bool `json:"kept"`
}

// Run implements the command.
func (c *certDev) Run(s terminal.Streams) error {
	if c.Lifetime <= 0 {
		return errors.New("--lifetime must be longer than nothing")
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	authority, kept, err := c.authority()
	if err != nil {
		return err
	}
	list := []issued{{
		Names: []string{"authority"}, Certificate: c.file("ca.crt"), Key: c.file("ca.key"), ExpireTime: authority.ExpireTime(), Kept: kept,
	}}
	for _, names := range c.names() {
		each, err := c.issue(authority, names)
		if err != nil {
			return err
		}
		list = append(list, each)
	}
	return c.print(s, list)
}

func (c *certDev) file(name string) string { return filepath.Join(c.Out, name) }

// names are the names of each certificate.
func (c *certDev) names() [][]string {
	given := c.Names
	if len(given) == 0 {
		given = append(roles.All(), "admin", "nats")
	}
	list := make([][]string, 0, len(given))
	for _, names := range given {
		list = append(list, strings.Split(names, ","))
	}
	return list
}

// authority is the one of the folder, or a new one where there is none that is
// still good.
func (c *certDev) authority() (authority *mtls.Authority, kept bool, err error) {
	certificate, certErr := os.ReadFile(c.file("ca.crt"))
	key, keyErr := os.ReadFile(c.file("ca.key"))
	switch {
	case errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist):
		authority, err = c.newAuthority()
		return authority, false, err
	case certErr != nil || keyErr != nil:
		return nil, false, fmt.Errorf("an authority needs both its files, or neither for a new one: %w", errors.Join(certErr, keyErr))
	}
	authority, err = mtls.ParseAuthority(time.Now, certificate, key)
	if errors.Is(err, mtls.ErrExpired) {
		authority, err = c.newAuthority()
		return authority, false, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s and %s: %w; remove both for a new one", c.file("ca.crt"), c.file("ca.key"), err)
	}
	return authority, true, nil
}

func (c *certDev) newAuthority() (*mtls.Authority, error) {
	authority, err := mtls.NewAuthority(time.Now, authorityLifetime)
	if err != nil {
		return nil, err
	}
	key, err := authority.KeyPEM()
	if err != nil {
		return nil, err
	}
	return authority, c.write("ca", authority.PEM(), key)
}

// issue makes one certificate.
func (c *certDev) issue(authority *mtls.Authority, names []string) (issued, error) {
	hosts := c.Hosts
	if len(hosts) == 0 {
		hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	certificate, key, err := authority.Issue(c.Domain, names, hosts, c.Lifetime)
	if err != nil {
		return issued{}, err
	}
	base := strings.Join(names, "-")
	expire := time.Now().Add(c.Lifetime)
	if end := authority.ExpireTime(); expire.After(end) {
		expire = end
	}
	qualified := make([]string, len(names))
	for i, name := range names {
		qualified[i] = name + "." + c.Domain
	}
	return issued{
		Names: qualified, Certificate: c.file(base + ".crt"), Key: c.file(base + ".key"), ExpireTime: expire.UTC().Truncate(time.Second),
	}, c.write(base, certificate, key)
}

// write replaces the two files of a certificate, each as a whole: a process may
// be reading them.
func (c *certDev) write(base string, certificate, key []byte) error {
	return errors.Join(
		replaceFile(c.file(base+".key"), key, 0o600),
		replaceFile(c.file(base+".crt"), certificate, 0o644),
	)
}

func replaceFile(path string, content []byte, mode fs.FileMode) error {
	next := path + ".new"
	if err := errors.Join(os.RemoveAll(next), os.WriteFile(next, content, mode)); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func (c *certDev) print(s terminal.Streams, list []issued) error {
	return terminal.List(s.To(c.JSON), "certificates", "NAMES STATE EXPIRES CERTIFICATE KEY", list, func(i issued) []string {
		state := "new"
		if i.Kept {
			state = "kept"
		}
		return []string{strings.Join(i.Names, ","), state, i.ExpireTime.Format(time.RFC3339), i.Certificate, i.Key}
	})
}
