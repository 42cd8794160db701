// Package folder is the data folder of 'chancery serve': its files, its lock, and
// what the server that runs on it says of itself there.
package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Folder names the folder that a server keeps everything in.
type Folder struct {
	Data string `help:"Folder of the server's data." default:"data" type:"path" env:"CHANCERY_DATA"`
}

// DatabaseFile is the embedded database.
func (d Folder) DatabaseFile() string { return filepath.Join(d.Data, "chancery.db") }

// KEKFile is the key-encryption key.
func (d Folder) KEKFile() string { return filepath.Join(d.Data, "key-encryption.key") }

// CredentialFile is the admin credential.
func (d Folder) CredentialFile() string { return filepath.Join(d.Data, "admin.credential") }

// ServerFile is what the running server says of itself: see [Server].
func (d Folder) ServerFile() string { return filepath.Join(d.Data, "server.json") }

// DemoFile is what --demo has made.
func (d Folder) DemoFile() string { return filepath.Join(d.Data, "demo.json") }

// StreamsFolder is what the embedded NATS server keeps.
func (d Folder) StreamsFolder() string { return filepath.Join(d.Data, "streams") }

// BusPasswordFile lets into the embedded NATS server.
func (d Folder) BusPasswordFile() string { return filepath.Join(d.Data, "nats.password") }

// Server is what a running server says of itself below its data folder.
type Server struct {
	Issuer   string `json:"issuer"`
	HTTP     string `json:"http"`
	GRPC     string `json:"grpc"`
	Internal string `json:"internal"`
	// NATS is where events are read; NATSUser and NATSPasswordFile let in.
	NATS             string `json:"nats_url"`
	NATSUser         string `json:"nats_user"`
	NATSPasswordFile string `json:"nats_password_file"`
}

// ReadServer finds the server that serves the data folder.
func (d Folder) ReadServer() (Server, error) {
	content, err := os.ReadFile(d.ServerFile())
	if errors.Is(err, fs.ErrNotExist) {
		return Server{}, fmt.Errorf("no server is running on %s: start one with 'chancery serve --data %s', or name one with --server and --credential", d.Data, d.Data)
	}
	if err != nil {
		return Server{}, err
	}
	var info Server
	if err := json.Unmarshal(content, &info); err != nil {
		return Server{}, fmt.Errorf("read %s: %w", d.ServerFile(), err)
	}
	return info, nil
}

// Acquire makes the data folder, and takes its lock: two servers on one folder
// would each believe that they are alone.
func (d Folder) Acquire() (release func(), err error) {
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(d.Data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another server runs on %s: stop it, or choose another folder with --data", d.Data)
	}
	return func() { _ = file.Close() }, nil
}
