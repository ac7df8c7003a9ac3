"""What is found in files, for those who show it: GitHub, GitLab, JUnit's XML, checkstyle's XML. Texts in, texts out."""
