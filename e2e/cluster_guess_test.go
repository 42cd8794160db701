package e2e

import (
	"testing"

	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// guessesAreCountedTogether is N072: the processes of the directory take turns with 50
// wrong passwords for one account from one address.
func guessesAreCountedTogether(t *testing.T, f *fleet) {
	const (
		username, password = "guessed", "correct horse battery staple"
		limit              = 10
		here, elsewhere    = "192.0.2.72/32", "198.51.100.72/32"
	)
	if _, err := f.Admin(t.Context(), password+"\n", "user", "create", "--username", username, "--password-stdin"); err != nil {
		t.Fatal(err)
	}
	if err := f.Certify("guesses", "authorize"); err != nil {
		t.Fatal(err)
	}
	var processes []directoryv1.DirectoryServiceClient
	for _, p := range f.Processes("directory") {
		processes = append(processes, directoryv1.NewDirectoryServiceClient(f.dialAs(t, "guesses", "directory", p)))
	}
	if len(processes) < 2 {
		t.Fatalf("%d processes of the directory", len(processes))
	}
	try := func(n int, password, from string) directoryv1.AuthenticateResponse_Outcome {
		t.Helper()
		resp, err := processes[n%len(processes)].Authenticate(t.Context(),
			&directoryv1.AuthenticateRequest{Username: username, Password: password, AddressBlock: from})
		if err != nil {
			t.Fatalf("attempt %d: %v", n, err)
		}
		return resp.GetOutcome()
	}
	for n := 1; n <= 50; n++ {
		want := directoryv1.AuthenticateResponse_OUTCOME_REFUSED
		if n >= limit {
			want = directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS
		}
		if got := try(n, "wrong horse", here); got != want {
			t.Errorf("attempt %d = %v, want %v", n, got, want)
		}
	}
	for n := range processes {
		if got := try(n, password, here); got != directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS {
			t.Errorf("the right password from there = %v at process %d, want it not looked at", got, n)
		}
		if got := try(n, password, elsewhere); got != directoryv1.AuthenticateResponse_OUTCOME_AUTHENTICATED {
			t.Errorf("the user, from elsewhere = %v at process %d, want in", got, n)
		}
	}
}
