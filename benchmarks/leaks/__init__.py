"""Does anything tell a method what it should not know? One file a kind of leak; `audit` runs them all."""
