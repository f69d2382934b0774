"""Where the tool is for given joints, and which joints bring it where it should be. One file, one backend."""
